"""A whole installation on one machine: topics, databases and the four services in the background."""

import asyncio
import os
from collections.abc import Callable

from contracts.catalogue import topics_of
from contracts.organisers import load as load_directory
from kaa.run import migrate_one
from localstack.services import start_service, wait_ready
from servicekit.settings import SERVICES, Settings
from servicekit.topics import administration, carry_out, plan


async def make_topics(settings: Settings) -> int:
    """Creates the topics that are missing; gives how many. Raises ConfigurationError or KafkaError."""
    topics = topics_of(load_directory(settings.organisers))
    async with administration(settings.brokers()) as client:
        todo = await plan(client, topics)
        await carry_out(client, todo)
        return len(todo.create)


def bring_up(settings: Settings, say: Callable[[str], None]) -> None:
    """Topics, databases, services, in this order; returns when the services are ready. Safe to repeat.

    Raises ConfigurationError, KafkaError or StackError.
    """
    # the services run in another folder
    os.environ["KAA_ORGANISERS"] = str(settings.organisers.resolve())
    say("topics")
    asyncio.run(make_topics(settings))
    for service in SERVICES:
        say(f"database of {service}")
        migrate_one(settings, service)
    for service in SERVICES:
        say(f"service {service}")
        start_service(service, service)
    for service in SERVICES:
        wait_ready(service)
