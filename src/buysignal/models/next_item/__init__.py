"""Which item is looked at next: candidates that all answer the same two questions.

``fit(sequences)`` learns; ``scores(sequences, questions)`` gives, for each question (a view), one score per
item of the catalog from the views before it in its visit; ``top(history)`` the best few for a visit that
goes on. None looks at the view that is asked for or at anything later.
"""
