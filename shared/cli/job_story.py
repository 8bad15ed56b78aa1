"""A job's story: read, told, and followed to its end."""

from datetime import timedelta

from shared.cli.api import Api, JsonObject
from shared.cli.exits import Found, NotReached
from shared.cli.following import looks
from shared.cli.job_trace import ENDED, Line, lines_of, now
from shared.cli.output import Output
from shared.cli.session import Session
from shared.domain.job import JobStatus


def story_of(api: Api, place: str) -> JsonObject:
    """The job first: what is told of it afterwards is at least as new."""
    held = api.get(place)["payload"]
    return {"job": held, "entries": api.get(f"{place}/timeline")["entries"]}


def follow_job(session: Session, api: Api, place: str, timeout: timedelta) -> None:
    told: set[Line] = set()
    story: JsonObject = {}
    for story in looks(session, lambda: story_of(api, place), timeout=timeout):
        tell_story(session.out, story, told=told)
        if story["job"]["status"] in ENDED:
            break
    give_story(session.out, story)
    session.out.say(now(story["job"]))
    status = story["job"]["status"]
    if status not in ENDED:
        raise NotReached("The time is over, and it has not ended: run it again.")
    if status != JobStatus.DELIVERED:
        raise Found(f"It ended as {status}.")


def tell_story(out: Output, story: JsonObject, *, told: set[Line]) -> None:
    """The lines that are not in `told`, for people, and keeps them there."""
    for line in lines_of(story["job"], story["entries"]):
        if line not in told:
            told.add(line)
            out.say(str(line))


def give_story(out: Output, story: JsonObject) -> None:
    if not out.for_people:
        out.value(story)
