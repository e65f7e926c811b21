"""Everything that can grow in a file from outside, its bound, and why the bound is where it is."""

MAX_ROWS = 5_000_000
"""Twice the national list of drug products and consumables with all their specifications; about 1 GB of memory."""
MAX_COLUMNS = 200
"""The widest table seen has 45 (handbook, section 9)."""
MAX_CELL = 2_000
"""The longest text of the national catalogue, item_cont, has 2,000 characters (transaction 1317)."""
MAX_NAME = 500
"""National names have 200 at most; provinces append specification and company."""
MAX_LINE_BYTES = 1 << 20
"""A line of 200 full cells is shorter; a longer one is no table, and would have to be held in memory."""
HEADER_ROWS = 20
"""Title, remarks and date lines above a header; more were never seen."""

MAX_REJECTED = 500_000
"""So many rejections have one cause, such as a wrong kind or a shifted column; nobody corrects them by hand."""
MAX_PROBLEMS = 1_000
"""Problems told one by one; the summary counts them all and the rejects file holds them all."""
FIRST_ROWS = 5
"""Rows named in a line of the summary."""
SHOWN = 60
"""Characters of a cell that are quoted in a text."""
MAX_CONDITIONAL = 200
"""Rows of one code that hold in some cases only; each is compared with each."""
MAX_MEMO = 50_000
"""Combinations of small cells remembered; real tables have a few hundred."""

ZIP_ENTRIES = 10_000
"""A workbook of 200 sheets with pictures has fewer."""
ZIP_BYTES = 2 << 30
"""A sheet of a million rows and twenty columns is about 1 GB of XML."""
ZIP_STRINGS = 512 << 20
"""The texts of a workbook are held in memory while it is read."""
ZIP_RATIO = 250
"""Sheets shrink 10 to 100 times; a bomb of zeros 1,000 times."""
ZIP_RATIO_FROM = 16 << 20
"""A small file may shrink as it likes."""
XML_ELEMENTS = 1_000_000
"""Between two rows or two texts of a workbook: an element of four bytes takes a hundred in memory."""
SHEET_ROWS = 1_048_576
"""What a sheet can have; a file that claims more is broken."""
