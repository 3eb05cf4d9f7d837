"""The floor: a bare ``asyncio.Protocol`` over TLS 1.3 that answers 180 bytes with 314, no line of FIX."""

from __future__ import annotations

import asyncio
import ssl

from bench import workload
from bench.peers import harness

ORDER = b"x" * workload.NEW_ORDER_SINGLE_SIZE
REPORT = b"y" * workload.EXECUTION_REPORT_SIZE


class Venue(asyncio.Protocol):
    """Answers every complete order of a read in one write."""

    def connection_made(self, transport):
        self._transport = transport
        self._held = 0

    def data_received(self, data):
        orders, self._held = divmod(self._held + len(data), len(ORDER))
        if orders:
            self._transport.write(REPORT * orders)


class Desk(asyncio.Protocol):
    """Counts the complete reports of a read and writes the next orders in one write."""

    def __init__(self, plan, done):
        self._meter = workload.Meter(plan, self._send, lambda: done.set_result(self._meter))
        self._held = self._answered = self._due = 0

    def connection_made(self, transport):
        self._transport = transport
        self._meter.start()
        self._flush()

    def data_received(self, data):
        reports, self._held = divmod(self._held + len(data), len(REPORT))
        for _ in range(reports):
            self._answered += 1
            self._meter.answer(workload.cl_ord_id(self._answered))
        self._flush()

    def _send(self, number):
        self._due += 1

    def _flush(self):
        if self._due:
            self._transport.write(ORDER * self._due)
            self._due = 0


async def _serve(task):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(task.pki / "cert.pem", task.pki / "key.pem")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Venue, "127.0.0.1", task.port, ssl=context)
    harness.ready()
    await loop.run_in_executor(None, harness.wait_for_end)
    server.close()


async def _measure(task):
    context = ssl.create_default_context(cafile=task.pki / "ca.pem")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    transport, _ = await loop.create_connection(
        lambda: Desk(task.plan, done), "127.0.0.1", task.port, ssl=context, server_hostname="localhost"
    )
    harness.report((await done).figures())
    transport.close()


def acceptor(task):
    """Serve until the orchestrator ends it."""
    with harness.runner(task) as runner:
        runner.run(_serve(task))


def initiator(task):
    """Run the plan and print the figures."""
    with harness.runner(task) as runner:
        runner.run(_measure(task))


if __name__ == "__main__":
    harness.run(acceptor, initiator)
