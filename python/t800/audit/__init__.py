"""The independent oracle behind `t800 audit`: looks through finished traces for what should not be there."""

from t800.audit.oracle import Leak, Oracle
from t800.audit.report import Finding, Report, audit, oracle_for

__all__ = ["Finding", "Leak", "Oracle", "Report", "audit", "oracle_for"]
