#!/usr/bin/env python3
"""Cuts the demo's slice out of the Online Retail data set.

usage: cut.py LINES.csv.gz DESCRIPTIONS.csv.gz OUT_DIR

Keeps every row, unchanged and in source order, whose InvoiceDate is in FROM <= date < TO, and the most
frequent description of every StockCode among them. The gzip header carries no time, so the same input gives
the same files.
"""
import collections
import csv
import gzip
import io
import sys

FROM, TO = "2011-11-01", "2011-11-24"


def write(path, rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    with open(path, "wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=9, mtime=0) as out:
        out.write(text.getvalue().encode())


def main(lines, descriptions, out):
    with gzip.open(lines, "rt", newline="") as source:
        rows = csv.reader(source)
        header = next(rows)
        kept = [row for row in rows if FROM <= row[3] < TO]
    codes = {row[1] for row in kept}
    best = collections.defaultdict(lambda: (0, ""))
    with gzip.open(descriptions, "rt", newline="") as source:
        for row in csv.DictReader(source):
            code, title = row["StockCode"], row["Description"].strip()
            count = int(list(row.values())[2])
            if code in codes and title and count > best[code][0]:
                best[code] = (count, title)
    write(f"{out}/orders.csv.gz", [header] + kept)
    write(f"{out}/titles.csv.gz", [["StockCode", "Title"]] + [[code, best[code][1]] for code in sorted(best)])
    print(len(kept), "rows,", len({row[0] for row in kept}), "invoices,", len(codes), "codes")


main(*sys.argv[1:])
