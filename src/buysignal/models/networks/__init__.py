"""Small networks over the steps of a visit: what comes next, and whether the goal is reached.

Trained with Keras on TensorFlow (extra ``deep``), run by ONNX Runtime alone. Nothing here knows of events
or of recommenders: ``steps`` says what goes in, ``training.train`` learns, ``runtime.Network`` answers.
"""
