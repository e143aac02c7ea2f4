import { prepare } from '../../../src/fetch/prepare.js';

// Imported first by whoever makes light Requests and Responses without a server.
prepare();
