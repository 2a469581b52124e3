// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace heartbeat::detail {

/// When credentials have to be new ones, and when the attempt with them does not wait.
///
/// A server that refuses credentials is tried with new ones (RFC 6750 section 3.1); those need no back-off,
/// or each token that expires would cost one. But a server that opens and then asks for new ones, or that
/// fails in between, could ask for ever; so only one attempt comes at once between two open links.
class renewal {
public:
    /// What has ended.
    enum class ended {
        /// An attempt for which the application had not made anything yet: whoever could not make new
        /// credentials is asked for them again.
        unprepared,
        /// An attempt that was refused, or failed on its way.
        attempt,
        /// An open link.
        link,
    };

    /// When the attempt after that is made.
    enum class pace {
        /// After the delay of the back-off.
        wait,
        /// After what the verdict asks for, if anything, and no more.
        at_once,
    };

    /// The verdict asks for new credentials, and the ones that were just made were of no use.
    constexpr bool in_vain(ended what, bool asked) const noexcept {
        return asked && wanted_ && what != ended::unprepared;
    }

    /// When the next attempt would be made. Never at once where new ones would be in vain: the server has
    /// refused what was just made, and there is a next attempt only since it said `Retry-After`.
    /// \param asked  the verdict on what has ended asks for new credentials, and something can make them
    constexpr pace next(ended what, bool asked) const noexcept {
        bool const useful = asked && !in_vain(what, asked);
        return useful && !hurried_ && what != ended::link ? pace::at_once : pace::wait;
    }

    /// The next attempt will be made, at that pace.
    constexpr void retry(ended what, bool asked) noexcept {
        hurried_ = hurried_ || next(what, asked) == pace::at_once;
        wanted_ = asked || (wanted_ && what == ended::unprepared);
    }

    /// A link is open, so the credentials were good; or a run begins.
    constexpr void reset() noexcept { *this = renewal(); }

    /// The coming attempt has to have new credentials; or the present one has.
    constexpr bool wanted() const noexcept { return wanted_; }

private:
    bool wanted_ = false;
    /// An attempt came at once since the last open link.
    bool hurried_ = false;
};

}  // namespace heartbeat::detail
