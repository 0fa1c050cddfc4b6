# SPDX-License-Identifier: GPL-2.0-only
"""What the scripts that boot guests share.  Nothing in here prints or exits.

A script sets sys.dont_write_bytecode before it imports this: only build/ is written to.
"""
