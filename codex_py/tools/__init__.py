"""Tools the model may use: one small file each."""
