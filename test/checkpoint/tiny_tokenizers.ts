/** Whole tokenizer.json files of a few hundred tokens, of the two kinds that models have. */

const BYTES = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
const PIECES = ['<unk>', '<s>', '</s>', ...BYTES, '▁', 'a', 'b', '▁a', 'ab'];
/** With byte fallback, as Llama's and Mixtral's. */
export const SENTENCE_PIECE = {
  version: '1.0',
  added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, special: true, normalized: false })),
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'Prepend', prepend: '▁' },
      { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    ],
  },
  pre_tokenizer: null,
  post_processor: null,
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ],
  },
  model: {
    type: 'BPE',
    unk_token: '<unk>',
    fuse_unk: true,
    byte_fallback: true,
    vocab: Object.fromEntries(PIECES.map((piece, id) => [piece, id])),
    merges: ['▁ a', 'a b'],
  },
};

/** Letters that stand for bytes, without the mapping of bytes that print nothing: ASCII text only. */
export const BYTE_LEVEL = {
  version: '1.0',
  added_tokens: [{ id: 0, content: '<|end|>', special: true, normalized: false }],
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: null,
  decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  model: {
    type: 'BPE',
    vocab: Object.fromEntries(
      ['<|end|>', ...Array.from('Ġabcdefgh', (letter) => letter), 'ab', 'Ġa'].map((t, id) => [t, id]),
    ),
    merges: ['a b', 'Ġ a'],
  },
};
