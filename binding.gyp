{
  "variables": { "sanitize%": "" },
  "targets": [
    {
      "target_name": "epollet",
      "sources": [
        "native/addon.cc",
        "native/syscall.cc",
        "native/environment.cc",
        "native/epoll.cc",
        "native/socket.cc",
        "native/message.cc",
        "native/stream.cc",
        "native/file.cc",
        "native/descriptor.cc",
        "native/terminal.cc",
        "native/wakeup.cc",
        "native/signal.cc",
        "native/uring.cc",
        "native/loop.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS", "_FILE_OFFSET_BITS=64"],
      "cflags": ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"],
      "cflags_cc": ["-std=c++17", "-fno-exceptions", "-fvisibility=hidden"],
      "conditions": [
        ["sanitize!=''", {
          "cflags": ["-fsanitize=<(sanitize)", "-fno-omit-frame-pointer", "-g"],
          "ldflags": ["-fsanitize=<(sanitize)"]
        }]
      ]
    }
  ]
}
