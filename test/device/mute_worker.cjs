/** A thread that ends without an answer, as one whose driver took it along. */
