#!/usr/bin/python3 -IS
"""Greets as the guard behind it does, takes the document, and keeps the first order to act until it may go on."""
import os
import subprocess
import sys
import time

FOLDER = '/run/late-line'
GUARD = [FOLDER + '/slipway-guard', *sys.argv[1:]]


def lines_of(document):
    """What the guard says to a document, its greeting first."""
    process = subprocess.Popen(GUARD, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(document)
    process.stdin.close()
    yield from process.stdout


def is_held(document):
    if b'"verb":"act"' not in document:
        return False
    try:
        os.rename(FOLDER + '/armed', FOLDER + '/held')
    except FileNotFoundError:
        return False
    return True


def say(line):
    try:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    except OSError:
        pass


greeting = lines_of(b'')
say(next(greeting))
received = sys.stdin.buffer.read()
held = is_held(received)
while held and not os.path.exists(FOLDER + '/go'):
    time.sleep(0.05)
answered = lines_of(received)
next(answered)
for one in answered:
    if held:
        with open(FOLDER + '/answer', 'ab') as file:
            file.write(one)
    say(one)
