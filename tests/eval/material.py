"""Material from outside, read into what the product's own evaluations take. Its test splits are not here, so that nothing is
tuned on them; where a set has no validation part, a fifth is taken by a hash of the text, always the same.
"""

import ast
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.evaluation.documents import Document, documents
from bot.evaluation.knowledge import Question
from bot.intent.training import Example

_FOREIGN = 400
"""Questions about other organisations that a knowledge base is asked."""


@dataclass(frozen=True)
class IntentSet:
    name: str
    train: Sequence[Example]
    test: Sequence[Example]


@dataclass(frozen=True)
class KnowledgeSet:
    """`near`: its unanswerable questions are those of documents that were taken away."""

    name: str
    documents: Sequence[Document]
    questions: Sequence[Question]
    near: bool = False


def clinc150(data: Path) -> IntentSet:
    """Its validation rows, out of scope among them."""
    given = list(_rows(data / "intent" / "clinc150.jsonl"))
    return IntentSet("CLINC150", _examples(given, "train"), _examples(given, "val"))


def banking77(data: Path) -> IntentSet:
    return _held_out("BANKING77", data / "intent" / "banking77.jsonl")


def hwu64(data: Path) -> IntentSet:
    return _held_out("HWU64", data / "intent" / "hwu64_kfold1.jsonl")


def knowledge_sets(data: Path) -> Iterator[KnowledgeSet]:
    """Each knowledge base with its own questions and some about the others; then without a fifth of its documents, whose
    questions have become unanswerable: near misses, the hardest ones.
    """
    workarena = KnowledgeSet("WorkArena", documents([data / "knowledge" / "workarena-kb" / "articles_html"]), _workarena_questions(data))
    stackfaq = KnowledgeSet("StackFAQ", _stackfaq_documents(data), _stackfaq_questions(data))
    policies = KnowledgeSet("H2O policies", documents(sorted((data / "knowledge" / "h2o-pdfs").glob("*.pdf"))), _h2o_questions(data))
    every = (workarena, stackfaq, policies)
    for one in every:
        foreign = [question for other in every if other is not one for question in other.questions if question.gold]
        yield KnowledgeSet(one.name, one.documents, [*one.questions, *_some(foreign)])
    for one in (workarena, stackfaq):
        kept = [document for document in one.documents if not in_fifth(document.id)]
        there = {document.id for document in kept}
        near = [question if question.gold <= there else Question(question.text) for question in one.questions]
        yield KnowledgeSet(f"{one.name}, a fifth taken away", kept, near, near=True)


def in_fifth(text: str) -> bool:
    """Whether it falls into the fifth that is set apart."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % 5 == 0


def _workarena_questions(data: Path) -> list[Question]:
    return [Question(row["question"], frozenset(row["gold_docs"])) for row in _rows(data / "questions" / "workarena_kb_qa.jsonl")]


def _stackfaq_documents(data: Path) -> list[Document]:
    return [
        Document(str(row["faq_id"]), f"faq-{row['faq_id']}.md", data=f"# {' '.join(row['question'].split())}\n\n{row['answer']}".encode())
        for row in _rows(data / "knowledge" / "stackfaq_faqs.jsonl")
    ]


def _stackfaq_questions(data: Path) -> list[Question]:
    return [Question(row["query"], frozenset({str(row["gold_faq_id"])})) for row in _rows(data / "questions" / "stackfaq_queries.jsonl")]


def _h2o_questions(data: Path) -> list[Question]:
    """A policy that is asked about but not there makes its questions unanswerable."""
    found = []
    for row in _rows(data / "questions" / "h2o_hr_it_qa.jsonl"):
        document = row["doc"] if row["doc"] and row["doc"].endswith(".pdf") else None
        tokens = tuple(ast.literal_eval(row["tokens"])) if row["tokens"] and document else ()
        found.append(Question(row["question"], frozenset({document} if document else ()), tokens))
    return found


def _some(questions: Sequence[Question]) -> list[Question]:
    """Spread evenly over what there is, without what answers them."""
    step = max(1, len(questions) // _FOREIGN)
    return [Question(question.text) for question in questions[::step][:_FOREIGN]]


def _held_out(name: str, path: Path) -> IntentSet:
    given = _examples(list(_rows(path)), "train")
    return IntentSet(name, [one for one in given if not in_fifth(one.text)], [one for one in given if in_fifth(one.text)])


def _examples(given: Sequence[dict[str, Any]], split: str) -> list[Example]:
    return [Example(row["text"], row["label"]) for row in given if row["split"] == split]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
