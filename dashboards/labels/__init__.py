"""Label sheets: a lot comes in, a PDF to print on a sheet of labels goes out.

What is on a label and on which sheet (`sheets.py`), how it is set so that everything fits (`typeset.py`), the type it is set in
(`typefaces.py`), the PDF (`pdf.py`) and its picture for a page (`picture.py`). `service.py` is the way from a lot to its labels.
"""
