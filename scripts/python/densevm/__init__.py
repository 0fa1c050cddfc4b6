# SPDX-License-Identifier: GPL-2.0-only
"""What the Python scripts share.  Nothing in here prints or exits.

A script sets sys.dont_write_bytecode before it imports this: only build/ is written to.
"""
