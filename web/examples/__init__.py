"""Requests and their answers, word for word, next to the routes that say what they mean.

A test sends every one of them and has to get the answer that stands here: what is shown is what happens.
"""
