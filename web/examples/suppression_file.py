"""`/configuration/suppression/export` and `/import`."""

from web.examples.common import OPERATOR, problem
from web.operation import Example

EXPORT = {
    "one": Example(
        title="A list of one address",
        given="a suppressed address",
        status=200,
        answer=(
            "address,reason,since,note,author\r\n"
            "gone@example.com,MANUAL,2026-11-02T09:00:00.000Z,asked by phone,olga\r\n"
        ),
        answer_headers={"Content-Disposition": 'attachment; filename="suppressions.csv"'},
    )
}
IMPORT = {
    "three lines": Example(
        title="A new address, one that is there, and one that is none",
        given="a suppressed address",
        headers={"X-Author": OPERATOR},
        body="address,reason\r\nnew@example.com,HARD_BOUNCE\r\ngone@example.com,\r\nnobody,\r\n",
        status=200,
        answer={
            "lines": 3,
            "added": 1,
            "alreadyThere": 1,
            "errorsTotal": 1,
            "errors": [
                {
                    "line": 4,
                    "field": "address",
                    "advice": "give one bare address such as person@example.com, at most 254 characters",
                }
            ],
        },
    ),
    "no header": Example(
        title="A file without a header",
        headers={"X-Author": OPERATOR},
        body="gone@example.com\r\n",
        status=400,
        answer=problem(
            "invalid_csv",
            "begin with a line that names the columns, with commas between them, address for one",
        ),
    ),
}
