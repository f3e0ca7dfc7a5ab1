/** The ptrace family, for the ABI tables. */
export { ptraceSyscalls } from './ptrace-call.ts';
