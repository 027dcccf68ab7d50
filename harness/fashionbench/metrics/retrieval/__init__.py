"""Retrieval metrics: exact rank counting, and hit@k, recall@k, mAP@k, MRR and median rank from the counts."""
