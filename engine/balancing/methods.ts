import type { PlacementName } from '../protocol/settings.ts';

/** Every way to place experts, in the order in which they are shown, and what it goes by. */
export const PLACEMENT_METHODS: Readonly<Record<PlacementName, { readonly title: string; readonly says: string }>> = {
  contiguous: { title: 'Contiguous', says: 'Experts in blocks by id, as other engines place them; needs no history.' },
  greedy: {
    title: 'Greedy (paper)',
    says: 'By falling mean load, each expert to the device with the least.',
  },
  'anti-correlation': {
    title: 'Anti-correlation (paper)',
    says: "Greedy with 0.5 times Pearson's correlation added to a device's load, as printed.",
  },
  'anti-correlation-scaled': {
    title: 'Anti-correlation / E',
    says: 'The same with 0.5 / E, which brings the correlation to the scale of the loads.',
  },
  covariance: {
    title: 'Mean and covariance',
    says: "Swaps from greedy that lower the sum of the devices' squared mean loads and twice their variance.",
  },
  eplb: {
    title: 'EPLB, no replicas',
    says: "DeepSeek's balancer on the tokens of the whole history, one copy of each expert.",
  },
  replicated: {
    title: 'EPLB with replicas',
    says: 'Busy experts get copies on other devices; every copy takes the same part of their rows.',
  },
  levelled: {
    title: 'Replicas, levelled',
    says: 'The same copies; each row goes to the least loaded one, which the exchanged sizes of the step tell.',
  },
};
