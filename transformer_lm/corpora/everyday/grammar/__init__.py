"""Rules of Japanese: conjugation, the two styles, clauses and numerals."""
