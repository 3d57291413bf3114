"""The decoder of transformer_lm in torch, for transformers 4.57 and 5.

A second implementation, by nature of the framework; the training network is Flax. The
tests of the project hold the two equal.
"""

import math

import torch
from torch import nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.cache_utils import Cache, DynamicCache
from transformers.modeling_outputs import (
    BaseModelOutputWithPast,
    CausalLMOutputWithPast,
)

from .configuration_transformer_lm import TransformerLMConfig

EPSILON = 1e-6
"""Of every layer norm."""


def sinusoids(positions: torch.Tensor, features: int) -> torch.Tensor:
    """Sines, then cosines, of wavelengths from 2 pi to 20,000 pi.

    Vaswani et al. 2017, section 3.5, in the order that flax's lm1b example uses. With
    an odd number of features the last one is 0.

    Returns:
      `[…, features]` in float32 for positions `[…]`.
    """
    half = features // 2
    step = math.log(10_000.0) / max(half - 1, 1)
    places = torch.arange(half, device=positions.device, dtype=torch.float32)
    angles = positions[..., None].float() * torch.exp(-step * places)  # [..., half]
    waves = torch.cat([torch.sin(angles), torch.cos(angles)], dim=-1)
    return nn.functional.pad(waves, (0, features - 2 * half))


def attention_bias(
    attention_mask: torch.Tensor | None,  # [batch, keys], or as the result
    places: torch.Tensor,  # [queries], of each query among the keys
    num_keys: int,
    dtype: torch.dtype,
) -> torch.Tensor:
    """Returns `[batch or 1, 1, queries, keys]`: 0 where a query sees a key.

    Elsewhere it is the least finite number, so that a padding row, which sees nothing,
    stays finite. For a cache of fixed length, transformers makes such a mask itself:
    true, or 0, where a query sees a key.
    """
    keys = torch.arange(num_keys, device=places.device)
    visible = (keys[None] <= places[:, None])[None, None]
    if attention_mask is not None and attention_mask.ndim == 4:
        is_bool = attention_mask.dtype == torch.bool
        visible = attention_mask if is_bool else attention_mask == 0
    elif attention_mask is not None:
        real = attention_mask[:, :num_keys].bool()
        # A cache of fixed length has places after the mask's end, which causality hides.
        real = nn.functional.pad(real, (0, num_keys - real.shape[1]), value=True)
        visible = visible & real[:, None, None]
    bias = torch.zeros(visible.shape, dtype=dtype, device=places.device)
    return bias.masked_fill(~visible, torch.finfo(dtype).min)


class SelfAttention(nn.Module):
    """Multi-head causal self-attention without biases."""

    def __init__(self, config: TransformerLMConfig, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.num_heads = config.num_heads
        self.dropout_rate = config.attention_dropout_rate
        self.query = nn.Linear(config.emb_dim, config.qkv_dim, bias=False)
        self.key = nn.Linear(config.emb_dim, config.qkv_dim, bias=False)
        self.value = nn.Linear(config.emb_dim, config.qkv_dim, bias=False)
        self.out = nn.Linear(config.qkv_dim, config.emb_dim, bias=False)

    def forward(
        self,
        hidden: torch.Tensor,  # [batch, queries, embed]
        attention_mask: torch.Tensor | None,  # [batch, keys]
        places: torch.Tensor,  # [queries]
        cache: Cache | None,
    ) -> torch.Tensor:
        """Returns `[batch, queries, embed]`."""
        batch, length, _ = hidden.shape

        def heads(projected: torch.Tensor) -> torch.Tensor:
            split = projected.view(batch, length, self.num_heads, -1)
            return split.transpose(1, 2)  # [batch, heads, length, head_dim]

        query, key = heads(self.query(hidden)), heads(self.key(hidden))
        value = heads(self.value(hidden))
        if cache is not None:
            key, value = cache.update(
                key, value, self.layer, {"cache_position": places}
            )
        bias = attention_bias(attention_mask, places, key.shape[2], query.dtype)
        attended = nn.functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=bias,
            dropout_p=self.dropout_rate if self.training else 0.0,
        )
        return self.out(attended.transpose(1, 2).reshape(batch, length, -1))


class FeedForward(nn.Module):
    """Two linear maps with a ReLU between them."""

    def __init__(self, config: TransformerLMConfig) -> None:
        super().__init__()
        self.expand = nn.Linear(config.emb_dim, config.mlp_dim)
        self.contract = nn.Linear(config.mlp_dim, config.emb_dim)
        self.dropout = nn.Dropout(config.dropout_rate)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Returns `[batch, length, embed]`."""
        return self.contract(self.dropout(self.expand(hidden).relu()))


class Block(nn.Module):
    """Attention and feed-forward, each normalised before and added to its input."""

    def __init__(self, config: TransformerLMConfig, layer: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.emb_dim, eps=EPSILON)
        self.attention = SelfAttention(config, layer)
        self.feed_forward_norm = nn.LayerNorm(config.emb_dim, eps=EPSILON)
        self.feed_forward = FeedForward(config)
        self.dropout = nn.Dropout(config.dropout_rate)

    def forward(
        self,
        hidden: torch.Tensor,  # [batch, queries, embed]
        attention_mask: torch.Tensor | None,  # [batch, keys]
        places: torch.Tensor,  # [queries]
        cache: Cache | None,
    ) -> torch.Tensor:
        """Returns `[batch, queries, embed]`."""
        normalised = self.attention_norm(hidden)
        attended = self.attention(normalised, attention_mask, places, cache)
        hidden = hidden + self.dropout(attended)
        normalised = self.feed_forward_norm(hidden)
        return hidden + self.dropout(self.feed_forward(normalised))


class TransformerLMPreTrainedModel(PreTrainedModel):
    """What both classes share."""

    config_class = TransformerLMConfig
    base_model_prefix = "model"
    _no_split_modules = ("Block",)

    def _init_weights(self, module: nn.Module) -> None:
        """Draws fresh weights as the training does."""
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=1e-6)
        elif isinstance(module, nn.Embedding):
            is_position = module is getattr(self, "position_embedding", None)
            nn.init.normal_(module.weight, std=0.02 if is_position else 1.0)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)


class TransformerLMModel(TransformerLMPreTrainedModel):
    """The decoder without its head."""

    def __init__(self, config: TransformerLMConfig) -> None:
        super().__init__(config)
        self.token_embedding = nn.Embedding(config.vocab_size, config.emb_dim)
        if config.position_encoding == "learned":
            self.position_embedding = nn.Embedding(
                config.max_position_embeddings, config.emb_dim
            )
        self.layers = nn.ModuleList(
            Block(config, layer) for layer in range(config.num_layers)
        )
        self.final_norm = nn.LayerNorm(config.emb_dim, eps=EPSILON)
        self.dropout = nn.Dropout(config.dropout_rate)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        """Returns the token table."""
        return self.token_embedding

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Replaces the token table."""
        self.token_embedding = value

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,  # [batch, length]
        attention_mask: torch.Tensor | None = None,  # [batch, past + length]
        position_ids: torch.LongTensor | None = None,  # [batch, length]
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,  # [batch, length, embed]
        use_cache: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        **kwargs: object,
    ) -> BaseModelOutputWithPast | tuple:
        """Returns hidden states after the last norm, `[batch, length, embed]`.

        Args:
          input_ids: tokens; the first of a text is the tokenizer's bos.
          attention_mask: 1 for tokens, 0 for padding, on either side; those of the
            cache come first.
          position_ids: place of each token in its text; counted from the mask if not
            given.
          past_key_values: keys and values of the tokens before.
          inputs_embeds: vectors instead of tokens.
          use_cache: return keys and values.
          output_hidden_states: return those of every block.
          return_dict: return a named tuple (default), else a tuple.
          **kwargs: not used.

        Raises:
          ValueError: if not exactly one of input_ids and inputs_embeds is given.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give either input_ids or inputs_embeds")
        if inputs_embeds is None:
            inputs_embeds = self.token_embedding(input_ids)
        use_cache = self.config.use_cache if use_cache is None else use_cache
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache()
        length = inputs_embeds.shape[1]
        past = 0 if past_key_values is None else past_key_values.get_seq_length()
        places = past + torch.arange(length, device=inputs_embeds.device)
        counts = attention_mask is not None and attention_mask.ndim == 2
        if position_ids is None and counts:
            counted = attention_mask[:, : past + length].long().cumsum(-1) - 1
            position_ids = counted.clamp(min=0)[:, -length:]
        elif position_ids is None:
            position_ids = places[None]
        if self.config.position_encoding == "learned":
            position = self.position_embedding(position_ids)
        else:
            position = sinusoids(position_ids, self.config.emb_dim)
        hidden = self.dropout(inputs_embeds + position.to(inputs_embeds.dtype))
        states = [hidden]
        for layer in self.layers:
            hidden = layer(hidden, attention_mask, places, past_key_values)
            states.append(hidden)
        hidden = self.final_norm(hidden)
        output = BaseModelOutputWithPast(
            last_hidden_state=hidden,
            past_key_values=past_key_values if use_cache else None,
            hidden_states=(*states[:-1], hidden) if output_hidden_states else None,
        )
        return output if return_dict in (None, True) else output.to_tuple()


class TransformerLMForCausalLM(TransformerLMPreTrainedModel, GenerationMixin):
    """The decoder with its head: scores of the token that follows each position."""

    def __init__(self, config: TransformerLMConfig) -> None:
        super().__init__(config)
        self.model = TransformerLMModel(config)
        if not config.logits_via_embedding:
            self.head = nn.Linear(config.emb_dim, config.vocab_size)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        """Returns the token table."""
        return self.model.token_embedding

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Replaces the token table."""
        self.model.token_embedding = value

    def get_output_embeddings(self) -> nn.Linear | None:
        """Returns the head; None where the token table takes its place."""
        return None if self.config.logits_via_embedding else self.head

    def set_output_embeddings(self, new_embeddings: nn.Linear) -> None:
        """Replaces the head."""
        self.head = new_embeddings

    def forward(
        self,
        input_ids: torch.LongTensor | None = None,  # [batch, length]
        attention_mask: torch.Tensor | None = None,  # [batch, past + length]
        position_ids: torch.LongTensor | None = None,  # [batch, length]
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,  # [batch, length, embed]
        labels: torch.LongTensor | None = None,  # [batch, length]
        use_cache: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        **kwargs: object,
    ) -> CausalLMOutputWithPast | tuple:
        """Returns logits `[batch, length, vocab]`; see `TransformerLMModel.forward`.

        Args:
          input_ids: tokens.
          attention_mask: 1 for tokens, 0 for padding.
          position_ids: place of each token in its text.
          past_key_values: keys and values of the tokens before.
          inputs_embeds: vectors instead of tokens.
          labels: the tokens again, -100 where nothing is scored; gives the mean loss.
          use_cache: return keys and values.
          output_hidden_states: return those of every block.
          return_dict: return a named tuple (default), else a tuple.
          logits_to_keep: score only so many last positions, or those listed; 0: all.
          **kwargs: for the loss.
        """
        output = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            output_hidden_states=output_hidden_states,
        )
        kept = logits_to_keep
        if isinstance(kept, int):
            kept = slice(-kept if kept else None, None)
        logits = self.scores(output.last_hidden_state[:, kept])
        loss = None
        if labels is not None:
            loss = self.loss_function(
                logits=logits,
                labels=labels,
                vocab_size=self.config.vocab_size,
                num_items_in_batch=kwargs.get("num_items_in_batch"),
            )
        result = CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            past_key_values=output.past_key_values,
            hidden_states=output.hidden_states,
        )
        return result if return_dict in (None, True) else result.to_tuple()

    def scores(self, hidden: torch.Tensor) -> torch.Tensor:
        """Scores every token: `[…, embed]` to `[…, vocab]`."""
        if not self.config.logits_via_embedding:
            return self.head(hidden)
        # The scale keeps logits near 1 with embeddings of unit variance.
        scaled = hidden * self.config.emb_dim**-0.5
        return nn.functional.linear(scaled, self.model.token_embedding.weight)
