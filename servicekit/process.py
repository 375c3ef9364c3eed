"""One service as one process: pool, consumer, relay, background work, health; started and drained in order.

Exit statuses: 0 told to stop and drained; 1 work failed for longer than it may (a supervisor starts it anew);
2 the configuration is wrong, which starting anew does not heal.
"""

import asyncio
import gc
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import asyncpg
import structlog
import uvloop

from contracts.catalogue import read_by
from servicekit import connections as connections  # makes the client bear a broker that resets them
from servicekit import health as health_answers
from servicekit import lag, retention, telemetry
from servicekit.batches import GaveUpError
from servicekit.consumer import MAX_POLL_INTERVAL_MS, Consumer
from servicekit.database import DATABASE_ERRORS, explain, is_fatal, pool
from servicekit.dead_letter_actions import expire
from servicekit.dead_letters import WHAT_TO_DO
from servicekit.health import Health
from servicekit.logs import configure
from servicekit.parts import Parts
from servicekit.relay import Relay
from servicekit.settings import ConfigurationError, Settings

log = structlog.get_logger()


async def _check_tables(opened: asyncpg.Pool, url: str) -> None:
    try:
        await opened.fetchval("SELECT count(*) FROM paused_topic")
    except asyncpg.PostgresError as error:
        if is_fatal(error):
            raise ConfigurationError(explain(error, url)) from None
        raise


def _alive(consumer: Consumer, tasks: Sequence[asyncio.Task[None]]) -> str | None:
    if not consumer.running:
        return "the consumer has stopped"
    if consumer.since is not None and time.monotonic() - consumer.since > MAX_POLL_INTERVAL_MS / 1000:
        return "a batch is in hand for too long"
    return "background work has stopped" if any(task.done() for task in tasks) else None


def _readiness(opened: asyncpg.Pool, consumer: Consumer) -> Callable[[], Awaitable[str | None]]:
    async def check() -> str | None:
        try:
            await asyncio.wait_for(opened.fetchval("SELECT 1"), 5)
        except DATABASE_ERRORS as error:
            return f"database: {type(error).__name__}"
        return None if await consumer.reaches_broker() else "broker: no answer"

    return check


def _show_metrics(parts: Parts, health: Health) -> None:
    families = [family.name for family in read_by(parts.service)]
    telemetry.begin(parts.service, families, WHAT_TO_DO, parts.publishes)
    telemetry.READY.labels(parts.service).set_function(lambda: float(health.ready))


async def serve(parts: Parts, settings: Settings) -> None:
    """Runs a service until SIGTERM or SIGINT. Raises ConfigurationError or GaveUpError."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    health = Health()
    _show_metrics(parts, health)
    url = settings.database(parts.service)
    settings.brokers()
    folder = settings.health_folder
    address_file = folder / f"{parts.service}-{os.getpid()}.address" if folder else None
    answers = asyncio.create_task(
        health_answers.serve(health, settings.health_host, settings.health_port, address_file)
    )
    work = asyncio.create_task(_work(parts, settings, url, health, stop))
    stopping = asyncio.create_task(stop.wait())
    try:
        # told to stop before everything was there: nothing to drain
        await asyncio.wait({work, stopping, answers}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done() and not health.started:
            work.cancel()
        if answers.done():
            work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        if answers.done():
            await answers
    finally:
        stopping.cancel()
        answers.cancel()
        await asyncio.wait({answers}, timeout=5)


async def _work(parts: Parts, settings: Settings, url: str, health: Health, stop: asyncio.Event) -> None:
    async with pool(url, name=f"kaa-{parts.service}") as opened:
        await _check_tables(opened, url)
        relay = Relay(parts.service, opened, settings.brokers(), settings.group(f"{parts.service}-relay"))
        consumer = Consumer(parts.service, settings, opened, parts.apply, relay.wake)
        tasks = [asyncio.create_task(work(opened, relay.wake)) for work in parts.background]
        tasks.append(asyncio.create_task(retention.again_and_again(opened, (expire, *parts.retention))))
        if parts.publishes:
            tasks.append(asyncio.create_task(relay.run()))
            tasks.append(asyncio.create_task(relay.measure()))
        try:
            await consumer.start()
            tasks.append(asyncio.create_task(consumer.watch()))
            tasks.append(asyncio.create_task(lag.measure(parts.service, settings, consumer.held)))
            tasks.append(asyncio.create_task(health.watch(_readiness(opened, consumer))))
            health.alive = lambda: _alive(consumer, tasks)
            health.started = True
            log.info("service.started")
            stopped = asyncio.create_task(stop.wait())
            ends: list[asyncio.Future[Any]] = [stopped, consumer.failed, *tasks]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
        finally:
            await consumer.stop()
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=15)
        if consumer.failed.done():
            consumer.failed.result()
        for task in tasks:
            if task.done() and not task.cancelled():
                task.result()
        log.info("service.stopped")


def collect_seldom() -> None:
    """Lets the cycle collector look at what a batch leaves behind, and not at the same batch dozens of times.

    A batch is some 50,000 objects that all live until its end; with Python's thresholds the collector goes through
    them again and again, a quarter of the time that a batch takes (measured: 237 µs an event, 185 with these).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def run(parts: Parts, settings: Settings) -> int:
    """Runs a service in the foreground; gives the exit status."""
    collect_seldom()
    configure(parts.service, settings.log_level)
    try:
        uvloop.run(serve(parts, settings))
    except ConfigurationError as error:
        log.error("service.misconfigured", reason=str(error))
        return 2
    except (GaveUpError, *DATABASE_ERRORS) as error:
        # what the operating system says holds addresses and paths; what a database says could hold anything
        reason = str(error) if isinstance(error, GaveUpError | OSError) else None
        log.error("service.gave_up", reason=reason, exc_info=error)
        return 1
    return 0
