# Login shells, such as opencode's terminals: /etc/profile has set PATH anew, without what people install in the home.
PATH="$HOME/.local/bin:$HOME/go/bin:$HOME/.cargo/bin:$PATH"
export PATH
# A home has no ~/.profile, which Debian's users have their ~/.bashrc read by.
if [ -n "${BASH_VERSION:-}" ] && [ -f ~/.bashrc ] && [ ! -e ~/.bash_profile ] && [ ! -e ~/.bash_login ] && [ ! -e ~/.profile ]; then
  . ~/.bashrc
fi
