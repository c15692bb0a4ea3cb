declare const __WITH_FAKE_DESK__: boolean;
