/** skas itself, bundled beside the adapter. */
import { main } from '../stub/cli/main.ts';

process.exit(await main(process.argv.slice(2)));
