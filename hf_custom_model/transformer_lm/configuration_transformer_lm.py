"""Settings of transformer_lm for transformers; shared by its torch and Flax classes."""

from typing import Any

from transformers import PretrainedConfig


class TransformerLMConfig(PretrainedConfig):
    """Sizes of the decoder, under the names that the training has for them.

    Args:
      vocab_size: tokens of the tokenizer.
      num_layers: blocks.
      emb_dim: width of embeddings and of the residual stream.
      num_heads: attention heads.
      qkv_dim: width of queries, keys and values, all heads together.
      mlp_dim: width of the feed-forward layers.
      dropout_rate: dropout of embeddings and residual branches.
      attention_dropout_rate: dropout of attention weights.
      logits_via_embedding: score tokens with the embedding table.
      position_encoding: sinusoidal (computed, any length) or learned (a table).
      max_position_embeddings: rows of the learned position table.
      scan_layers: of the training; parameters here are never stacked.
      remat: of the training; has no effect here.
      use_cache: keep keys and values while text is generated.
      **kwargs: what every config of transformers takes.
    """

    model_type = "transformer_lm"
    keys_to_ignore_at_inference = ("past_key_values",)
    attribute_map = {  # noqa: RUF012  (transformers changes it in subclasses)
        "num_hidden_layers": "num_layers",
        "hidden_size": "emb_dim",
        "num_attention_heads": "num_heads",
        "intermediate_size": "mlp_dim",
    }

    def __init__(
        self,
        vocab_size: int = 30_000,
        num_layers: int = 6,
        emb_dim: int = 512,
        num_heads: int = 8,
        qkv_dim: int = 512,
        mlp_dim: int = 2048,
        dropout_rate: float = 0.1,
        attention_dropout_rate: float = 0.1,
        logits_via_embedding: bool = False,
        position_encoding: str = "sinusoidal",
        max_position_embeddings: int | None = None,
        scan_layers: bool = False,
        remat: str = "none",
        use_cache: bool = True,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.num_layers = num_layers
        self.emb_dim = emb_dim
        self.num_heads = num_heads
        self.qkv_dim = qkv_dim
        self.mlp_dim = mlp_dim
        self.dropout_rate = dropout_rate
        self.attention_dropout_rate = attention_dropout_rate
        self.logits_via_embedding = logits_via_embedding
        self.position_encoding = position_encoding
        self.max_position_embeddings = max_position_embeddings
        self.scan_layers = scan_layers
        self.remat = remat
        self.use_cache = use_cache
        self.head_dim = qkv_dim // num_heads
        # A tied head is the table itself and no second parameter for transformers to tie.
        kwargs["tie_word_embeddings"] = False
        super().__init__(**kwargs)
