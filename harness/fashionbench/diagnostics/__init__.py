"""Diagnosis of a model: the failure signatures of multimodal training as measurements with references."""
