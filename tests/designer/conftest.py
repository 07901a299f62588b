from tests.web import alice, called, dora, olaf, published, rung, stage, vera

__all__ = ["alice", "called", "dora", "olaf", "published", "rung", "stage", "vera"]
