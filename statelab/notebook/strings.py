"""Every English word a widget shows, in one table: what a Chinese edition translates."""

ENGLISH: dict[str, str] = {
    "close": "Close",
    "why": "Why it is so",
    "events": "Events",
    "yaml": "YAML",
    "delete_pod": "Delete this Pod",
    "stop_node": "Stop this node",
    "start_node": "Start this node",
    "scale_up": "One more replica",
    "scale_down": "One replica less",
    "no_events": "none in the last hour",
    "reconnecting": "The cluster does not answer; this is how it was. Looking again…",
    "predict": "Predict",
    "commit": "Commit",
    "said": "You said: {answer}. Run on, and see.",
    "order_hint": "Number them: 1 is first.",
    "up": "Move {item} up",
    "down": "Move {item} down",
    "type_answer": "Your answer",
    "not_answered": "Choose an answer first.",
}


def say(key: str, **values: str) -> str:
    return ENGLISH[key].format(**values)
