"""One file a data set; `transformer_lm.data` names them."""
