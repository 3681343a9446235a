import { livechatRoutingMap } from "@im_livechat/embed/cors/livechat_routing_map";

livechatRoutingMap
    .add("/im_livechat_subaccount/here", "/im_livechat_subaccount/cors/here")
    .add("/im_livechat_subaccount/reach", "/im_livechat_subaccount/cors/reach")
    .add("/im_livechat_subaccount/leave_message", "/im_livechat_subaccount/cors/leave_message");
