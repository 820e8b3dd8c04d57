import { useStore } from 'zustand/react';
import type { LabSource } from '../../engine/protocol/labs.ts';
import { useStudio } from '../app/context.tsx';

/** The source that all labs look at. */
export const useLabSource = (): LabSource => useStore(useStudio().labs, (s) => s.source);
