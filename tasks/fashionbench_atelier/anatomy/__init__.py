"""Bodies: proportions, poses, heads, keypoints, and maps of body parts."""
