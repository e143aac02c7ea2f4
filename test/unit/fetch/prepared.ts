import { prepare } from '../../../src/fetch/prepare.js';

// To be imported before FastRequests and FastResponses are made without a server.
prepare();
