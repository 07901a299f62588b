"""Reviews of versions: asked for, talked over, judged, and held against what is deployed."""
