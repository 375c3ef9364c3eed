"""The API for municipalities with their own client: what the pages do, for programs (docs/api.md).

An application that includes ``router`` says by which ladders: ``app.state.ladders``.
"""

from typing import Final

from fastapi import APIRouter

from services.outreach.api import contacts, figures, measures, persons, routing, tasks

#: All routes, below the version that their paths and fields belong to.
router: Final = APIRouter(prefix="/v1")
for _part in (tasks, persons, contacts, measures, routing, figures):
    router.include_router(_part.router)
