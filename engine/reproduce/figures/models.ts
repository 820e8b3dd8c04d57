import type { Figure } from '../figure.ts';
import { SHAPES, scaled } from '../shapes.ts';

/** Table I: the models, and what is left of their widths here. */
export function modelsTable(): Figure {
  return {
    id: 'table1',
    title: 'Models',
    paper: 'LM 52B parameters, MT (NLLB-200) 54.5B; experts are two matrices.',
    says: "Experts, choices, capacity, interval and layers are the paper's; widths and vocabulary are divided.",
    how: 'projected',
    on: 'as configured',
    columns: [
      { name: 'model' },
      { name: 'layers' },
      { name: 'experts' },
      { name: 'top-k' },
      { name: 'MoE every' },
      { name: 'C' },
      { name: 'width, paper' },
      { name: 'ours' },
      { name: 'FFN, paper' },
      { name: 'ours' },
    ],
    rows: SHAPES.map((shape) => {
      const { hidden, width } = scaled(shape);
      return [
        shape.assumed === undefined ? shape.title : `${shape.title} (assumed)`,
        shape.encoderLayers + shape.decoderLayers,
        shape.experts,
        shape.topK,
        shape.interval,
        shape.capacity,
        shape.hidden,
        hidden,
        shape.width,
        width,
      ];
    }),
  };
}
