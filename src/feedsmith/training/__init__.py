"""What every training shares: its numbered folder and what it asks of the machine.

run.py      Run: settings, metrics, snapshots, card; stopped and gone on with
machine.py  time, cores, number format, memory, torch
"""
