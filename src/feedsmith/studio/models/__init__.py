"""What the studio remembers: brands, people, drafts, jobs. One database, SQLite or PostgreSQL."""

from feedsmith.studio.models.brands import Brand
from feedsmith.studio.models.drafts import Comment, Conflict, Draft, Event, Revision
from feedsmith.studio.models.hooks import Delivery, Hook
from feedsmith.studio.models.jobs import Job
from feedsmith.studio.models.looks import Look
from feedsmith.studio.models.nodes import WorkerNode
from feedsmith.studio.models.people import FailedSignIn, LoginLink, Membership, Person
from feedsmith.studio.models.plans import Plan, Planned
from feedsmith.studio.models.publications import Publication, Publisher
from feedsmith.studio.models.reviews import ReviewAct, ReviewLink
from feedsmith.studio.models.tokens import Token
from feedsmith.studio.models.uploads import Upload

__all__ = [
    "Brand",
    "Comment",
    "Conflict",
    "Delivery",
    "Draft",
    "Event",
    "FailedSignIn",
    "Hook",
    "Job",
    "LoginLink",
    "Look",
    "Membership",
    "Person",
    "Plan",
    "Planned",
    "Publication",
    "Publisher",
    "ReviewAct",
    "ReviewLink",
    "Revision",
    "Token",
    "Upload",
    "WorkerNode",
]
