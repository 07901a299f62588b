from tests.web import alice, dora, olaf, published, rung, stage, vera

__all__ = ["alice", "dora", "olaf", "published", "rung", "stage", "vera"]
