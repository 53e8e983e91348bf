"""What is concluded: final values, scores, speed-ups, verdicts, claims."""
