/** The task of the pool: the imports of a real service, and the id of its thread. */
import 'xstate';
import 'yaml';
import { threadId } from 'node:worker_threads';

export default () => threadId;
