"""Models: candidates for conversion and revenue, segments, calibration, intervals, ONNX."""
