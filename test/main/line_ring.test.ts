import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LineRing } from '../../src-main/line_ring.ts';

it('holds the last lines, however the text is cut into pieces', () => {
  const pieces = fc.array(fc.constantFrom('a', 'bc', '\n', 'x\ny', 'z\n', ''), { maxLength: 60 });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 9 }), (texts, capacity) => {
      const ring = new LineRing(capacity);
      for (const text of texts) ring.add(text);
      const all = texts.join('').split('\n');
      if (all.at(-1) === '') all.pop();
      expect(ring.lines()).toEqual(all.slice(-capacity));
    }),
  );
});
