"""The audit, put beside the figures it speaks of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from buysignal.audit import Finding, audit
from buysignal.audit.view import Target
from buysignal.report import AuditLine
from buysignal.samples import Samples
from buysignal.splits import Split


def audit_lines(
    samples: Samples, split: Split, target: Target, reasons: Mapping[str, str] | None = None
) -> list[AuditLine]:
    """Return what the audit says of a table's rows to learn from (validation included) and to test on."""
    learned = np.concatenate([split.train, split.validate])
    train, test = samples.subset(learned), samples.subset(split.test)
    return [_line(finding) for finding in audit(train, test, target=target, reasons=reasons)]


def _line(finding: Finding) -> AuditLine:
    return AuditLine(
        check=finding.check, verdict=finding.verdict, detail=finding.detail, column=finding.column
    )
