"""What Databricks' AI functions answer here: what somebody has said they do, until the next reset; nothing else.

``POST /_harness/ai {"function": "ai_query", "arguments": ["my-endpoint", ".*refund.*"], "answer": "complaint"}``: where
each argument, as text, matches its regular expression as a whole; those that are left out may be anything. What was
said last goes first. Spark (harness/lake/catalog/AiFunctions) asks for the answers when it plans a query.
"""

from __future__ import annotations

import json
import re

from starlette.routing import Route

from harness.workspace.errors import InvalidParameter
from harness.workspace.store import Document
from harness.workspace.wire import Call, endpoint

KIND = "ai_answers"
# AiFunctions.java has the same, with the type of each.
FUNCTIONS = (
    "ai_query", "ai_gen", "ai_classify", "ai_analyze_sentiment", "ai_fix_grammar", "ai_mask", "ai_summarize",
    "ai_translate", "ai_similarity", "ai_generate_text", "ai_extract", "ai_parse_document",
)  # fmt: skip


def give(call: Call) -> Document:
    """Keep an answer. Raises: ``InvalidParameter`` for another function, no text, or no regular expression."""
    function, answer = call.text("function"), call.text("answer")
    if function not in FUNCTIONS:
        raise InvalidParameter(f"Expected function to be one of {', '.join(FUNCTIONS)}; got {function!r}.")
    arguments = call.arguments.get("arguments", [])
    if not isinstance(arguments, list) or not all(isinstance(each, str) for each in arguments):
        raise InvalidParameter("Expected arguments to be a list of regular expressions.")
    for each in arguments:
        try:
            re.compile(each)
        except re.error as error:
            raise InvalidParameter(f"{each!r} is no regular expression: {error}.") from None
    if function == "ai_similarity":
        try:
            float(answer)
        except ValueError:
            raise InvalidParameter(f"ai_similarity answers with a number, not {answer!r}.") from None
    if function in ("ai_extract", "ai_parse_document"):
        try:
            parsed = json.loads(answer)
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            raise InvalidParameter(f"{function} answers with a JSON object, not {answer!r}.")
    said = {"arguments": arguments, "answer": answer}
    store = call.workspace.store
    kept = (store.get(KIND, function) or {"answers": []})["answers"]
    store.put(KIND, function, {"answers": [said, *kept]})
    return said


def answers(call: Call) -> Document:
    """What was said of a function, the last first."""
    return call.workspace.store.get(KIND, call.text("function")) or {"answers": []}


routes = [
    Route("/_harness/ai", endpoint(give), methods=["POST"]),
    Route("/_harness/sql/answers", endpoint(answers), methods=["GET"]),
]
