export { SimulatedDisk as MemoryFiles } from '../../src/simulation/simulated-disk.ts';
