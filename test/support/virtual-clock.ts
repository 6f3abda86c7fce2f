export { settle, VirtualClock } from '../../src/simulation/virtual-clock.ts';
