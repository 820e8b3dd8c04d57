import fc from 'fast-check';

/** What files from the internet may hold where a number, a name or any value is expected. */
export const hostileNumber = fc.oneof(
  fc.nat(16),
  fc.constantFrom(-1, -0, 0.5, 1e308, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 - 1, 2 ** 63),
  fc.maxSafeInteger(),
);
export const hostileName = fc.oneof(
  fc.constantFrom('a', 'b', '', '__proto__', 'constructor', '__metadata__', 'toString', 'model.embed_tokens.weight'),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
export const anyJson = fc.jsonValue({ maxDepth: 3 });
