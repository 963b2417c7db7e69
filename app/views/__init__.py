"""What pages and scripts show of runs, as plain values and texts without Gradio."""
